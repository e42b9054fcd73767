#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace parley {

// Compares a text with a file under tests/golden. With UPDATE_GOLDEN=1 in the environment the file is rewritten
// instead, to be reviewed as a difference.
inline void expect_golden(const std::string& name, std::string_view text) {
  const std::string path = "tests/golden/" + name;
  const char* const update = std::getenv("UPDATE_GOLDEN");
  if (update && std::string_view(update) == "1") {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is not there; UPDATE_GOLDEN=1 writes it";
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_EQ(text, content.str()) << "UPDATE_GOLDEN=1 rewrites " << path;
}

}  // namespace parley
