//! What a request that is wrong is answered: which field, what to write instead, and a reason for programs.
