"""A package, for what goes on from module to module here ends with it: ``scope="package"``."""
