// expect: parley: a result that another thread may get cannot hold parley::Bytes
#include "parley/blocking.h"

using parley::Task;

struct Page {
  std::uint32_t number;
  parley::Bytes content;
};
class Book {
 public:
  virtual Task<Page> read(std::uint32_t number) = 0;
};
PARLEY_SERVICE(Book, read);

void call(parley::blocking::Client<Book> client) { static_cast<void>(client.call<&Book::read>(1)); }
