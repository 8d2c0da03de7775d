"""Control processes: SimPy generators that read gauges and turn knobs, the same in every engine."""
