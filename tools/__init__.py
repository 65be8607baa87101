"""Offline programs: they train, render, export and measure."""
