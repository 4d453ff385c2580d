// Two processes draw from K numbers until one is larger (Itai and Rodeh 1990); written for these tests.
dtmc
const int K;
module one
  v1 : [0..K] init 0;
  [draw] v1=v2 -> 1/2 : (v1'=1) + 1/4 : (v1'=2) + 1/4 : (v1'=K);
  [lead] v1!=v2 -> true;
endmodule
module two
  v2 : [0..K] init 0;
  [draw] v1=v2 -> 1/3 : (v2'=1) + 2/3 : (v2'=K);
  [lead] v1!=v2 -> true;
endmodule
rewards "rounds"
  [draw] true : 1;
endrewards
label "first" = v1>v2;
label "second" = v2>v1;
