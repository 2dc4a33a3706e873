// moeplan completion: what a shell needs to complete subcommands and options, and the manual page,
// made from the same parser that reads them, so that neither can fall behind.

#include <algorithm>
#include <iostream>
#include <vector>

#include "app/man_page.hpp"
#include "app/subcommand.hpp"

namespace moeplan::app {
namespace {

struct Word {
  std::string name;  // "plan", "--format"
  std::string text;  // what it does, in one line
};

// A subcommand as typed ("inspect model"; "" for the program), and what may follow it.
struct Level {
  std::string path;
  std::vector<Word> words;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void collect(const CLI::App& app, const std::string& path, std::vector<Level>& levels) {
  Level level{path, {}};
  const std::vector<const CLI::App*> below =
      app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : below) {
    level.words.push_back({sub->get_name(), first_line(sub->get_description())});
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) {
      continue;  // hidden
    }
    for (const std::string& name : option->get_lnames()) {
      level.words.push_back({"--" + name, first_line(option->get_description())});
    }
    for (const std::string& name : option->get_snames()) {
      level.words.push_back({"-" + name, first_line(option->get_description())});
    }
  }
  levels.push_back(level);
  for (const CLI::App* sub : below) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), levels);
  }
}

// In single quotes, for all three shells; fish knows \' inside them, the others end and begin anew.
std::string quoted(const std::string& text, bool fish) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? (fish ? "\\'" : "'\\''") : c == '\\' && fish ? "\\\\" : std::string(1, c);
  }
  return out + "'";
}

std::string names_of(const Level& level) {
  std::string out;
  for (const Word& word : level.words) {
    out += (out.empty() ? "" : " ") + word.name;
  }
  return out;
}

// Shell code that leaves in `path` the subcommand that the words before the current one name.
// range: of `i`, up to the current word; word: the i-th. Bash and zsh differ in these two alone.
std::string find_path(const std::vector<Level>& levels, const std::string& range,
                      const std::string& word) {
  std::string out = "  local word path='' i\n  for ((" + range + "; i++)); do\n    word=" + word +
                    "\n    case \"${path:+$path }$word\" in\n";
  for (const Level& level : levels) {
    if (!level.path.empty()) {
      out += "      " + quoted(level.path, false) + ") path=" + quoted(level.path, false) + " ;;\n";
    }
  }
  return out + "    esac\n  done\n  case $path in\n";
}

std::string bash(const std::vector<Level>& levels) {
  std::string out =
      "_moeplan() {\n" + find_path(levels, "i = 1; i < COMP_CWORD", "${COMP_WORDS[i]}");
  for (const Level& level : levels) {
    out +=
        "    " + quoted(level.path, false) + ") word=" + quoted(names_of(level), false) + " ;;\n";
  }
  return out +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
         "}\n"
         "complete -o default -F _moeplan moeplan\n";
}

std::string zsh(const std::vector<Level>& levels) {
  std::string out = "#compdef moeplan\n_moeplan() {\n  local -a names\n" +
                    find_path(levels, "i = 2; i < CURRENT", "${words[i]}");
  for (const Level& level : levels) {
    out += "    " + quoted(level.path, false) + ") names=(";
    for (const Word& word : level.words) {
      out += "\n      " + quoted(word.name + ":" + word.text, false);
    }
    out += ") ;;\n";
  }
  return out +
         "  esac\n"
         "  _describe 'moeplan' names\n"
         "  _files\n"
         "}\n"
         "compdef _moeplan moeplan\n";
}

std::string fish(const std::vector<Level>& levels) {
  std::string out;
  for (const Level& level : levels) {
    std::string when = "__fish_use_subcommand";
    if (!level.path.empty()) {
      when.clear();
      std::size_t begin = 0;
      while (begin <= level.path.size()) {
        const std::size_t end = std::min(level.path.find(' ', begin), level.path.size());
        when += (when.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") +
                level.path.substr(begin, end - begin);
        begin = end + 1;
      }
    }
    for (const Word& word : level.words) {
      const std::string option = word.name.starts_with("--")  ? " -l " + word.name.substr(2)
                                 : word.name.starts_with("-") ? " -s " + word.name.substr(1)
                                                              : " -a " + word.name;
      out += "complete -c moeplan -n " + quoted(when, true) + option + " -d " +
             quoted(word.text, true) + "\n";
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, int& exit_code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* sub = app.add_subcommand(
      "completion", "Print what a shell needs to complete moeplan, or its manual page");
  sub->add_option("SHELL", *shell, "bash, zsh, fish, or man for moeplan(1)")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "man"}));
  sub->footer(
      "Examples:\n"
      "  moeplan completion bash\n"
      "  moeplan completion man\n");
  sub->callback([shell, &app, &exit_code] {
    if (*shell == "man") {
      std::cout << man_page(app, kVersion);
      exit_code = kOk;
      return;
    }
    std::vector<Level> levels;
    collect(app, "", levels);
    std::cout << (*shell == "bash" ? bash(levels) : *shell == "zsh" ? zsh(levels) : fish(levels));
    exit_code = kOk;
  });
}

}  // namespace moeplan::app
