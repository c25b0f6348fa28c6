"""What `spool doctor` looks at: one function a check, from the settings to findings. None raises or changes a thing."""
