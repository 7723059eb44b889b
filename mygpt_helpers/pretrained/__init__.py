"""What is fetched once: the real model, a real text. And the health check: is all here?"""
