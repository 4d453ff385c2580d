// Choosing an address with K probes; q: the address is taken, l: a probe is lost. Written for these tests.
dtmc
const int K;
const double q;
const double l = 1/10;
module host
  s : [0..K+2] init 0;
  [] s=0 -> q : (s'=1) + 1-q : (s'=K+2);
  [] s>0 & s<=K -> l : (s'=s+1) + 1-l : (s'=0);
  [] s>K -> true;
endmodule
rewards "cost"
  s>0 & s<=K : 3;
  s=0 : 1;
endrewards
label "collision" = s=K+1;
label "fine" = s=K+2;
