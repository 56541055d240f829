"""How many threads numpy multiplies with."""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def multiply_with_one_thread() -> None:
    """Keep BLAS to one thread in this process, from now on: for one that serves, not for one that learns.

    A product of one vector takes less time than waking a second thread, and OpenBLAS' threads go on turning
    for a while after each product: a third of a gateway's processor time was theirs.
    """
    threadpool_limits(limits=1, user_api="blas")
