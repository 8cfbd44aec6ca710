"""How anything is trained here: the loop, checkpoints that are whole or not used, one process or several."""
