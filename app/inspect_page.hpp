#pragma once
// Page: what a subcommand of `moeplan inspect` found: a title, tables and sentences for people, one
// object and one table for programs. Prints nothing itself.

#include <string>
#include <vector>

#include "models/text/json.hpp"

namespace moeplan::app {

using Row = std::vector<std::string>;

struct PageTable {
  std::string title;      // "" when the page's title says it
  std::vector<Row> rows;  // the first is the header; all of one length
};

struct Page {
  std::string title;
  std::vector<PageTable> tables;
  std::vector<std::string> notes;  // sentences below the tables
  text::Json json = text::Json::object();
  std::vector<Row> csv;  // the first row is the header; its names carry the unit
};

// "table json jsonl csv markdown".
const std::vector<std::string>& page_formats();

// The page in one of page_formats(). Throws: std::logic_error for another format (the command line
// has checked it).
std::string render(const Page& page, const std::string& format);

// Numbers for CSV and parameter tables: the shortest text that reads back the same.
std::string number_text(double value);

}  // namespace moeplan::app
