// N frames with at most M retries each, after the bounded retransmission protocol; written for these tests.
dtmc
const int N;
const int M;
module sender
  frame : [0..N] init 0;
  tries : [0..M+1] init 0;
  [] frame<N & tries<=M -> 0.98 : (frame'=frame+1) & (tries'=0) + 0.02 : (tries'=tries+1);
  [] frame=N | tries>M -> true;
endmodule
rewards "sent"
  frame<N & tries<=M : 1;
endrewards
label "delivered" = frame=N;
label "lost" = tries>M;
