"""A locked child for programs that read hostile input: limits, namespaces, a file-system wall, a system-call filter.

The child is a fresh Python without site packages that closes its own doors (`launcher`) and then becomes the program.
It can read the program's installation and write its working folder, and nothing else; it has no network, no
environment, and nothing of it is left when the call returns. What the kernel does not offer is left out, and
`reached_level` says how far it went.
"""
