"""What stands in the cells of a notebook, read without IPython."""
