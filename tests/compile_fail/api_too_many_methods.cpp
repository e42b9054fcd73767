// expect: parley: a service has at most 64 methods; split it
#include "parley/parley.h"

class Large {
 public:
  parley::Task<void> m0();
  parley::Task<void> m1();
  parley::Task<void> m2();
  parley::Task<void> m3();
  parley::Task<void> m4();
  parley::Task<void> m5();
  parley::Task<void> m6();
  parley::Task<void> m7();
  parley::Task<void> m8();
  parley::Task<void> m9();
  parley::Task<void> m10();
  parley::Task<void> m11();
  parley::Task<void> m12();
  parley::Task<void> m13();
  parley::Task<void> m14();
  parley::Task<void> m15();
  parley::Task<void> m16();
  parley::Task<void> m17();
  parley::Task<void> m18();
  parley::Task<void> m19();
  parley::Task<void> m20();
  parley::Task<void> m21();
  parley::Task<void> m22();
  parley::Task<void> m23();
  parley::Task<void> m24();
  parley::Task<void> m25();
  parley::Task<void> m26();
  parley::Task<void> m27();
  parley::Task<void> m28();
  parley::Task<void> m29();
  parley::Task<void> m30();
  parley::Task<void> m31();
  parley::Task<void> m32();
  parley::Task<void> m33();
  parley::Task<void> m34();
  parley::Task<void> m35();
  parley::Task<void> m36();
  parley::Task<void> m37();
  parley::Task<void> m38();
  parley::Task<void> m39();
  parley::Task<void> m40();
  parley::Task<void> m41();
  parley::Task<void> m42();
  parley::Task<void> m43();
  parley::Task<void> m44();
  parley::Task<void> m45();
  parley::Task<void> m46();
  parley::Task<void> m47();
  parley::Task<void> m48();
  parley::Task<void> m49();
  parley::Task<void> m50();
  parley::Task<void> m51();
  parley::Task<void> m52();
  parley::Task<void> m53();
  parley::Task<void> m54();
  parley::Task<void> m55();
  parley::Task<void> m56();
  parley::Task<void> m57();
  parley::Task<void> m58();
  parley::Task<void> m59();
  parley::Task<void> m60();
  parley::Task<void> m61();
  parley::Task<void> m62();
  parley::Task<void> m63();
  parley::Task<void> m64();
};
PARLEY_SERVICE(Large, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
               m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33, m34, m35, m36, m37, m38, m39, m40, m41,
               m42, m43, m44, m45, m46, m47, m48, m49, m50, m51, m52, m53, m54, m55, m56, m57, m58, m59, m60, m61, m62,
               m63, m64);
