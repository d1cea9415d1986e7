// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target where there is no libFuzzer: under g++, on Windows, under
// ThreadSanitizer.
//
//   <target> [CORPUS...]
//
// Each file, and each file of each folder, is one input. Then come inputs drawn
// at random, from bytes alone and from the corpus with some bytes changed: so
// many as PLACID_RANDOM_INPUTS in the environment says, or 5000. PLACID_SEED
// repeats a run.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::uint64_t kRandomInputs = 5000;
constexpr std::size_t kMaxBytes = 4096;
constexpr auto kMaxTime = std::chrono::seconds(10);

// A copy on the heap of just this size, so that a sanitizer sees any byte read
// beyond it.
void Run(const Input& input) {
  const Input exact(input);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::vector<Input> ReadCorpus(const std::vector<std::string>& places) {
  std::vector<std::filesystem::path> files;
  for (const std::string& place : places) {
    if (!std::filesystem::is_directory(place)) {
      files.emplace_back(place);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(place)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) continue;
    corpus.emplace_back(std::istreambuf_iterator<char>(stream),
                        std::istreambuf_iterator<char>());
  }
  return corpus;
}

Input Draw(std::mt19937_64& random, const std::vector<Input>& corpus) {
  Input input;
  if (!corpus.empty() && random() % 2 == 0) {
    input = corpus[random() % corpus.size()];
  } else {
    // Short inputs are as likely as long ones.
    input.resize(random() % (std::size_t{1} << (1 + random() % 12)));
    for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random());
  }
  if (!input.empty()) {
    // Zeros, ones and small numbers break more code than noise does.
    for (auto changes = random() % 16; changes > 0; --changes) {
      constexpr std::uint8_t kTelling[] = {0, 1, 2, 7, 8, 0x7f, 0x80, 0xff};
      input[random() % input.size()] = kTelling[random() % 8];
    }
  }
  input.resize(std::min(input.size(), kMaxBytes));
  return input;
}

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 0) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Input> corpus = ReadCorpus({argv + 1, argv + argc});
  const std::uint64_t seed =
      FromEnvironment("PLACID_SEED", std::random_device()());
  const std::uint64_t random_inputs =
      FromEnvironment("PLACID_RANDOM_INPUTS", kRandomInputs);
  std::printf(
      "%zu inputs of the corpus, then at random with PLACID_SEED=%llu\n",
      corpus.size(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);  // must be read even if an input kills us

  for (const Input& input : corpus) Run(input);
  std::mt19937_64 random(seed);
  const auto end = std::chrono::steady_clock::now() + kMaxTime;
  std::uint64_t runs = 0;
  while (runs < random_inputs && std::chrono::steady_clock::now() < end) {
    Run(Draw(random, corpus));
    ++runs;
  }
  std::printf("%llu random inputs\n", static_cast<unsigned long long>(runs));
  return 0;
}
