"""Rooms of Chapter 4."""
