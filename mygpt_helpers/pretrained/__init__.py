"""What is fetched once: the real model. And the health check, which looks whether all is here."""
