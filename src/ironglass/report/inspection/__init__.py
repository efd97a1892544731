"""The report's section on a data set's images and the faults in them."""
