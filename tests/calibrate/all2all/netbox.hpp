#pragma once
// A network of four hosts out of namespaces: its rates are known, so a fit of them can be judged.

#include <map>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {

class Netbox {
 public:
  // uplink: rate between the two halves; "": all behind one switch. Throws: std::runtime_error
  // where namespaces, shapers or their tools are not there, with what they said.
  Netbox(int hosts, const std::string& rate, const std::string& uplink = "");
  ~Netbox();
  Netbox(const Netbox&) = delete;
  Netbox& operator=(const Netbox&) = delete;

  // Seconds of each point: of three launches, the smallest median. Throws: std::runtime_error where
  // moeplan-measure (a path) fails.
  std::map<std::string, double> measure(const std::string& program);

 private:
  std::string script(const std::string& command) const;
  void down();
  TemporaryDirectory directory_;
  std::string prefix_;
  int hosts_;
};

struct NetboxFigures {
  double bandwidth_ratio = 0.0;  // fitted rate over the configured one
  double lowest = 0.0;           // measured over predicted, of messages up to 64 KiB
  double highest = 0.0;
  std::string rows;  // what was measured against what, for people
};
// Fits start and rate from messages between two hosts, then predicts uniform and hot-receiver
// exchanges of four, behind one switch and in two tiers, of 16 and 64 KiB a pair.
// Throws: as Netbox.
NetboxFigures netbox_figures(const std::string& program);

}  // namespace moeplan::tests
