"""ASAP: style-aware autoencoder similarity."""
