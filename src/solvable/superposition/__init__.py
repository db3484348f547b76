"""Chapter 4: superposition, and how the loss falls with the width."""
