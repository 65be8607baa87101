"""The CPPN: device code beside its plain numpy reference."""
