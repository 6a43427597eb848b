"""A part of the stack takes as many connections as the system lets it, whatever it was started with."""

import resource

from souk.stack.descriptors import lift_descriptors


def test_the_limit_is_lifted_and_never_lowered():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        lift_descriptors()
        lifted, still = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert still == hard
        assert lifted == min(65_536, hard) if hard != resource.RLIM_INFINITY else lifted == 65_536
        lift_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (lifted, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
