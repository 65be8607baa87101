"""The ground floor: time, frames, parameters, signals, hand-over between threads and processes, errors, metrics."""
