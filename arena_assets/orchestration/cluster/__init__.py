"""Past one machine: what a run asks of the machine it is placed on, and whether a cluster can do the job.

Ray and Postgres are imported here alone, and within functions: a laptop has neither.
"""
