// expect: parley: this class cannot be a message: it is neither a plain struct
#include "codec/postcard.h"

class Hidden {
 public:
  explicit Hidden(int number) : number_(number) {}

 private:
  int number_;
};
auto bytes = parley::codec::to_postcard(Hidden(1));
