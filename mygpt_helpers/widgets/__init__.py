"""Live pictures: for each, one Python file and one ES module that draws in the browser."""
