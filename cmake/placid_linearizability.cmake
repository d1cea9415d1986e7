# SPDX-License-Identifier: Apache-2.0
#
# Histories of two threads, checked: tests/linearizability. Its main() takes
# flags of its own, for long runs.
placid_sources(sources tests/linearizability ${PLACID_SYSTEM})
placid_test(linearizability_test SOURCES ${sources} LINKS placid::primitives)
