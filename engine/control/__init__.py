"""Control: the one table of addresses, OSC in and out, the keyboard, and the bus that carries changes to the render loop."""
