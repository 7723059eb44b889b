"""The exercises: each a solution, cases and known mistakes; one module per lesson (lesson_01.py).

Importing this package imports nothing, and listing the lessons nothing heavy.
"""
