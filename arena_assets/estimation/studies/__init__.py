"""Studies of the methods: the grid on the experiment's data, the simulation with known truth."""
