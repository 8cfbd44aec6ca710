"""The cross-fitted model of one region, and the general model it starts from: training, scan and candidates."""
