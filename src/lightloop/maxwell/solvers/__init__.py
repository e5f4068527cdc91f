"""Ways of solving M u = f for the operators of `lightloop.maxwell.stencil`."""
