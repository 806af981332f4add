// The one file that knows where the checkout lies, so that the others compile to the same anywhere.
#include "source_tree.hpp"

namespace pulse::test {

std::string source_path(std::string_view relative) {
  return std::string(PULSE_SOURCE_DIR) + "/" + std::string(relative);
}

}  // namespace pulse::test
