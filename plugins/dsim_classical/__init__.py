"""CC, NMI and FRC: image similarity averaged over all pairs."""
