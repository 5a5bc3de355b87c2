"""Files that go into the folder of the target `cuda` as they are, or around what is generated."""
