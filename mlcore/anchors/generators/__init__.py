"""What fills an anchor, behind one interface: geometry, a local multimodal model, or a served one."""
