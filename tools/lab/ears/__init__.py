"""Music made to test ears with: pieces whose beats, bars and drum hits are known exactly, and what scores a tracker on them.

    recipe.py       what a piece is made from    piece.py  `make`: Recipe -> Piece, sound and truth    playing.py  how
    patterns.py     13 drum patterns     drums.py   five kits     tempo_map.py   tempo as a function of time
    spoiling.py     rooms, crowds, microphones, bad cables        filters.py     what they are made of
    cases.py        the cases of `vj bench ears`                  random_piece.py   any number of others, to learn from
    trackers.py     whatever can hear a beat, all in one form     scoring.py     how right it was, and how sure of it
    film.py         a film of that, with the beat drawn in
    calibration.py  confidence against truth, and its picture      fit_confidence.py, fit_bars.py   what they go by, fitted
    arrangement.py  whole tracks with the truth of their breaks, builds and drops      arranger.py  who plays them
    structure_scoring.py   how right live structure was           fit_structure.py   what it goes by, fitted
    drum_mixes.py   mixes to learn drums from: wide_drums.py, backing.py       drum_scoring.py how right drums were
    drum_examples.py  their spectra (mels.py) and targets                       train_drums.py  the network that hears drums

Everything is made in numpy from a seed: the same seed gives the same samples. Offline only, on any thread.
"""
