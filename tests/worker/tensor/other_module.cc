// A library that looks like the module for GPUs of another build.
extern "C" const char* paracord_cuda_interface() { return "0123456789abcdef"; }
extern "C" const void* paracord_cuda_module() { return nullptr; }
