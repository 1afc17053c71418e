"""One file a stage: flags, a call into the rooms below, an artefact on stdout."""
