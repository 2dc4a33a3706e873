#pragma once
// SIGINT and SIGTERM as a wish: the first asks the sweep to stop after the point that runs, the
// second ends the process at once.

namespace moeplan::calibrate {

// Takes both signals over; one that the caller ignores (nohup) stays ignored. A write beyond a size
// limit becomes an error of the write instead of SIGXFSZ.
void catch_stop_signals();

// The signal that came first; 0: none yet.
int stop_signal();

}  // namespace moeplan::calibrate
