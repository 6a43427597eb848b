"""How many files and connections a process may hold open: systems start programs with far fewer than they allow."""

import resource

_WANTED = 65_536


def lift_descriptors() -> None:
    """Raise the process's own limit as far as the system lets it, so that the limits of streams decide."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
