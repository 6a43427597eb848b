"""The processes: everything that waits. They import domain rules and activity signatures, nothing else."""
