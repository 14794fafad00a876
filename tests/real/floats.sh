floats
