"""Present and record: window, headless, HUD, recorder."""
