"""`make attack`: well-known scanners, own rules and every hostile line we have, against a Kentro on this machine."""
