#include "wire/records/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/records/records_suite.h"

namespace parley::wire::records {
namespace {

using namespace suite;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Record> one_of_each{
    Began{.unix_us = 1'700'000'000'000'000, .program = "parley 0.1.0", .listen = "unix:/a", .to = "unix:/b"},
    Described{"Calculator", calculator()},
    Opened{1, 10, "unix:/a"},
    Passed{1, From::client, 20, hello()},
    LeftOut{1, From::server, 30, 4711, "the opening is tls"},
    Ended{1, From::server, 40, "link_lost"},
    Stopped{50, "full"},
};

TEST(Recording, what_is_written_is_read_again) { EXPECT_EQ(read_all(file_of(one_of_each)), one_of_each); }

TEST(Recording, the_head_and_a_record_look_as_the_documentation_says) {
  EXPECT_EQ(as_text(recording_head()), std::string_view("PARLEYRC\1\0\0\0", 12));
  EXPECT_EQ(roam::hex(encode(Passed{1, From::server, 300, {0, 10, 5}})),
            "09000000"
            "03"
            "01"
            "01"
            "ac02"
            "03"
            "000a05");
}

TEST(Recording, what_is_no_recording_is_refused_and_says_why) {
  const auto note = [](std::string_view bytes) { return RecordingReader::open(as_bytes(bytes)).error().note; };
  EXPECT_EQ(note(""), "it is empty");
  EXPECT_THAT(note("PARLEYRC"), HasSubstr("does not begin as a recording does"));
  EXPECT_THAT(note("#!/bin/sh and more"), HasSubstr("does not begin as a recording does"));
  Octets newer = recording_head();
  newer[8] = 2;
  const auto refused = RecordingReader::open(newer);
  EXPECT_EQ(refused.error().code, Code::version);
  EXPECT_EQ(refused.error().note, "its format is 2, and this program reads 1");
}

TEST(Recording, a_file_that_was_cut_anywhere_is_read_up_to_there) {
  const Octets file = file_of(one_of_each);
  for (std::size_t size = recording_head_bytes; size < file.size(); ++size) {
    std::size_t cut_off = 0;
    std::vector<std::string> faults;
    const auto records = read_all(ByteView(file).first(size), &faults, &cut_off);
    ASSERT_LT(records.size(), one_of_each.size());
    EXPECT_TRUE(std::ranges::equal(records, std::span(one_of_each).first(records.size()))) << size;
    const Octets before =
        file_of({one_of_each.begin(), one_of_each.begin() + static_cast<std::ptrdiff_t>(records.size())});
    EXPECT_EQ(cut_off, size - before.size()) << size;
    EXPECT_THAT(faults, testing::IsEmpty());
  }
}

TEST(Recording, a_damaged_record_is_told_of_and_the_next_is_read) {
  Octets file = file_of({Opened{1, 10, "a"}});
  const std::size_t at = file.size();
  for (const Octets& damage : {Octets{3, 0, 0, 0, 99, 1, 1}, Octets{0, 0, 0, 0}}) {
    Octets damaged = file;
    damaged.insert(damaged.end(), damage.begin(), damage.end());
    const Octets rest = encode(Stopped{50, "full"});
    damaged.insert(damaged.end(), rest.begin(), rest.end());
    std::vector<std::string> faults;
    EXPECT_THAT(read_all(damaged, &faults), ElementsAre(Opened{1, 10, "a"}, Stopped{50, "full"}));
    EXPECT_THAT(faults, ElementsAre(HasSubstr("damaged at byte " + std::to_string(at))));
  }
}

TEST(Recording, behind_a_length_that_cannot_be_there_is_nothing) {
  Octets file = file_of({Opened{1, 10, "a"}});
  file.insert(file.end(), {0xff, 0xff, 0xff, 0xff, 0, 0});
  std::vector<std::string> faults;
  EXPECT_THAT(read_all(file, &faults), ElementsAre(Opened{1, 10, "a"}));
  EXPECT_THAT(faults, ElementsAre(HasSubstr("what is behind it is lost")));
}

}  // namespace
}  // namespace parley::wire::records
