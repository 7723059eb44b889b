"""Tables and still pictures, each a function of data, each with a text twin."""
