// Checkpoint files: what is written is read back bit by bit, and a hostile or damaged file is refused with one sentence.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "../checkpoint/json.h"
#include "../checkpoint/safetensors.h"
#include "../checkpoint/sha256.h"
#include "../failure.h"

namespace {

using namespace switchyard;

std::string sha(const std::string& text, std::size_t piece) {
  Sha256 digest;
  for (std::size_t at = 0; at < text.size(); at += piece) digest.add(text.data() + at, std::min(piece, text.size() - at));
  return digest.hexadecimal();
}

class Safetensors : public testing::Test {
 protected:
  Safetensors() : folder(std::filesystem::temp_directory_path() / ("switchyard-safetensors-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder);
  }
  ~Safetensors() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string& name = "file.safetensors") const { return (folder / name).string(); }

  /// A file of this header and this many bytes of data.
  std::string file(const std::string& header, std::size_t dataBytes, std::uint64_t claimed) const {
    std::ofstream out(path(), std::ios::binary);
    for (int i = 0; i < 8; i++) out.put(static_cast<char>(claimed >> 8 * i));
    out << header << std::string(dataBytes, 'x');
    return path();
  }
  std::string file(const std::string& header, std::size_t dataBytes) const { return file(header, dataBytes, header.size()); }

  /// The sentence it is refused with.
  std::string refusal(const std::string& name) const {
    try {
      readSafetensors(name);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "it was read";
  }

  std::filesystem::path folder;
};

TEST(Sha256Digest, MatchesPublishedVectorsInPiecesOfAnySize) {
  const std::string million(1'000'000, 'a');
  for (const std::size_t piece : {1, 3, 63, 64, 65, 1000, 1'000'000}) {
    EXPECT_EQ(sha("abc", piece), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", piece), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    if (piece > 60) {
      EXPECT_EQ(sha(million, piece), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
  }
  EXPECT_EQ(sha("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Json, ReadsWhatItQuotes) {
  const std::string hard = "tab\t quote\" back\\slash \x01 ü 🙂";
  EXPECT_EQ(std::get<std::string>(json::parse(json::quote(hard)).content), hard);
  EXPECT_EQ(std::get<std::string>(json::parse(R"("é😀\n")").content), "é😀\n");
}

TEST(Json, RefusesWhatIsNotStrictlyJson) {
  for (const auto* text : {"", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "-1", "1.5", "1e3", "18446744073709551616", "\"\x01\"", "\"\\x\"", "\"\\ud800\"",
                           "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "tru", "null", "{} x", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "{a:1}", "\"open"})
    EXPECT_THROW(json::parse(text), json::Malformed) << text;
}

TEST_F(Safetensors, RoundTripOfEveryTypeShapeAndOrder) {
  std::vector<NamedTensor> tensors{
      {"z.weight", torch::randn({3, 5})},
      {"a", torch::randn({7}).to(torch::kBFloat16)},
      {"scalar", torch::scalar_tensor(2.5, torch::kDouble)},
      {"empty", torch::empty({0, 4})},
      {"transposed", torch::randn({4, 6}).t()},
      {"whole \"name\"", torch::arange(9, torch::kLong)},
      {"nan", torch::full({2}, std::numeric_limits<float>::quiet_NaN())},
  };
  const auto written = writeSafetensors(path(), tensors, {{"step", "412"}, {"format", "switchyard"}});
  EXPECT_EQ(written.bytes, static_cast<std::int64_t>(std::filesystem::file_size(path())));
  std::ifstream in(path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(written.sha256, sha(bytes, 4096));
  EXPECT_EQ((static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) | static_cast<std::size_t>(static_cast<unsigned char>(bytes[1])) << 8) % 8, 0U);

  const auto read = readSafetensors(path());
  EXPECT_EQ(read.metadata.at("step"), "412");
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); i++) {
    EXPECT_EQ(read.tensors[i].name, tensors[i].name);
    EXPECT_EQ(read.tensors[i].tensor.sizes(), tensors[i].tensor.sizes());
    EXPECT_EQ(read.tensors[i].tensor.scalar_type(), tensors[i].tensor.scalar_type());
    const auto expected = tensors[i].tensor.contiguous();
    EXPECT_EQ(std::memcmp(read.tensors[i].tensor.const_data_ptr(), expected.const_data_ptr(), expected.nbytes()), 0) << tensors[i].name;
  }
}

TEST_F(Safetensors, RefusesHostileHeaders) {
  const auto entry = [](const std::string& rest) { return "{\"t\":{" + rest + "}}"; };
  const auto good = std::string(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])");
  ASSERT_EQ(refusal(file(entry(good), 8)), "it was read");
  const std::vector<std::pair<std::string, std::string>> cases{
      {refusal(file(entry(good), 8, 1ULL << 40)), "claims"},
      {refusal(file(entry(good), 8, ~0ULL)), "claims"},
      {refusal(file(entry(good), 8, 200'000'000)), "claims"},
      {refusal(file(entry(good), 7)), "outside the file"},
      {refusal(file(entry(good), 9)), "belong to no tensor"},
      {refusal(file("not json", 0)), "header has"},
      {refusal(file("[1]", 0)), "not an object"},
      {refusal(file(R"({"t":3})", 0)), "not an object"},
      {refusal(file(entry(R"("dtype":"F32","shape":[2])"), 8)), "needs exactly"},
      {refusal(file(entry(good + R"(,"more":1)"), 8)), "needs exactly"},
      {refusal(file(entry(R"("dtype":"F8","shape":[2],"data_offsets":[0,8])"), 8)), "of the type"},
      {refusal(file(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8)), "shape of 12 bytes"},
      {refusal(file(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"), 8)), "larger than memory"},
      {refusal(file(entry(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"), 8)), "not one"},
      {refusal(file(entry(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])"), 8)), "17 dimensions"},
      {refusal(file(entry(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), 8)), "not one"},
      {refusal(file(entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8)), "outside the file"},
      {refusal(file(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615])"), 8)), "outside the file"},
      {refusal(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12)), "overlaps"},
      {refusal(file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12)), "gap"},
      {refusal(file(R"({"__metadata__":{"step":4}})", 0)), "not text"},
      {refusal(file(R"({"__metadata__":[]})", 0)), "metadata is not an object"},
      {refusal(file(R"({"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4)), "second time"},
  };
  for (const auto& [sentence, expected] : cases) {
    EXPECT_NE(sentence.find(expected), std::string::npos) << sentence << "\n  has no: " << expected;
    EXPECT_EQ(sentence.rfind("The file " + path(), 0), 0U) << sentence;
    EXPECT_EQ(sentence.back(), '.');
  }
}

TEST_F(Safetensors, SurvivesEveryTruncationAndManyFlippedBytes) {
  const auto weights = torch::arange(64, torch::kFloat);
  writeSafetensors(path(), {{"w", weights}, {"b", torch::ones({3})}}, {{"step", "1"}});
  std::ifstream in(path(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  const auto write = [&](const std::string& bytes) { std::ofstream(path("damaged"), std::ios::binary) << bytes; };
  for (std::size_t length = 0; length < whole.size(); length++) {
    write(whole.substr(0, length));
    EXPECT_THROW(readSafetensors(path("damaged")), Failure) << length;
  }
  // A flipped byte is refused or changes content alone; it never crashes or allocates without bound.
  for (std::size_t at = 0; at < whole.size(); at++) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    write(bytes);
    try {
      for (const auto& [name, tensor] : readSafetensors(path("damaged")).tensors) EXPECT_LE(tensor.nbytes(), whole.size());
    } catch (const Failure&) {
    }
  }
}

TEST_F(Safetensors, SaysPlainlyWhatCannotBeReadOrWritten) {
  EXPECT_EQ(refusal(path("absent")), "There is no file " + path("absent") + ".");
  EXPECT_NE(refusal(folder.string()).find("it is a folder"), std::string::npos);
  EXPECT_THROW(writeSafetensors(path("no/such/folder/file"), {{"w", torch::ones({1})}}, {}), Failure);
  EXPECT_THROW(writeSafetensors(path(), {{"w", torch::ones({1}, torch::kByte)}}, {}), Failure);
}

}  // namespace
