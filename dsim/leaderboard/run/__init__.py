"""Running the measures of a benchmark: each in a process of its own, kept when it is finished."""
